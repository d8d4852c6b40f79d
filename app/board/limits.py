"""What one person may send, in one place: the models, the forms and the socket read it."""

MESSAGE_LENGTH = 2000  # characters
MESSAGES = 20  # messages a member may post …
MESSAGES_WINDOW = 10  # … in so many seconds, over all rooms and pools
FRAMES = 60  # frames a socket may send in the same window: a ping, joins and resent messages fit many times
FRAME_LENGTH = 8 * MESSAGE_LENGTH  # characters of one frame: a message with every character escaped, and its envelope
PAGE = 50  # messages that a room shows at first, and rows of a page of the archive
BATCH = 200  # rows read at once for somebody who catches up
