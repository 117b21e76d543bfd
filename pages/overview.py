"""overview"""

from obs_core.ui import frame

frame.heading("Overview", __doc__)
