"""The project: settings, URLs and the two entry points of the noticeboard."""
