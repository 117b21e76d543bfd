"""What every page shares: scope, controls, panels, cached answers, layout."""
