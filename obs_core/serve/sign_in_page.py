"""The sign-in page: one file without scripts, images or anything else to load."""

import html
from typing import Final

from obs_core import theme

_STYLE: Final = """
:root { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 15px/1.5 system-ui, sans-serif;
  color: var(--obs-ink); background: var(--obs-page); }
form { width: min(340px, calc(100vw - 48px)); display: grid; gap: 12px; }
h1 { font-size: 22px; font-weight: 600; margin: 0; }
p { margin: 0; color: var(--obs-quiet); font-size: 14px; }
p[role=alert] { color: var(--obs-error); }
label { display: grid; gap: 4px; font-size: 14px; }
input { font: inherit; padding: 8px 10px; border: 1px solid var(--obs-line); border-radius: 6px; color: inherit;
  background: transparent; }
button { font: inherit; font-weight: 600; padding: 8px 10px; border: 0; border-radius: 6px; color: #fff;
  background: #00629b; cursor: pointer; }
:is(input, button):focus-visible { outline: 2px solid var(--obs-accent); outline-offset: 2px; }
"""


def page(target: str, said: str, action: str) -> str:
    """The page; after signing in the browser goes to `target`.

    `said` is what was wrong, if anything; the form is sent to the path `action`.
    """
    alert = f"<p role='alert'>{html.escape(said)}</p>" if said else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Observability</title>
<style>{theme.css_variables()} :root {{ --obs-page: {theme.css(theme.PAGE)}; }} {_STYLE}</style></head>
<body><form method="post" action="{html.escape(action, quote=True)}">
<h1>Sign in</h1>
<p>This dashboard asks for a token. It is in OBS_TOKEN where the dashboard was started.</p>
{alert}<input type="hidden" name="next" value="{html.escape(target, quote=True)}">
<label>Token <input type="password" name="token" autocomplete="current-password" autofocus required></label>
<button type="submit">Sign in</button>
</form></body></html>"""
