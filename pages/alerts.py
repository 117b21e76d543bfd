"""alerts"""

from obs_core.ui import frame

frame.heading("Alerts", __doc__)
