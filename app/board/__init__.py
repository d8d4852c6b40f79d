"""The board: notices for everybody, rooms for members, an archive."""
