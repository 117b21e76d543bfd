"""logs"""

from obs_core.ui import frame

frame.heading("Logs", __doc__)
