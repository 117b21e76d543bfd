"""The parts that all pages share: scope, controls, panels, cached answers and layout."""
