// Keys that work on every page, unless the reader types into a field.
if (!window.obsKeys) {
  window.obsKeys = true;
  const shown = (element) => element.offsetParent !== null && !element.closest('.st-key-obs_bar');
  const click = (key) => document.querySelector(`.st-key-${key} button`)?.click();
  const firstField = () => [...document.querySelectorAll('[data-testid=stMain] input[type=text]')].find(shown)?.focus();
  const ACTIONS = { '?': () => click(document.querySelector('.st-key-obs_help') ? 'obs_help' : 'obs_menu'), t: () => click('obs_window'), '/': firstField };
  const typing = ({ target }) => target instanceof Element
    && (target.isContentEditable || target.closest('input, textarea, select, [role=textbox], [role=grid]'));
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event)) return;
    const action = ACTIONS[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
