// Connects each field with its list of suggestions, if there is one: the server renews it while the reader types.
if (!window.obsSuggest) {
  window.obsSuggest = true;
  addEventListener('focusin', ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    const key = target.closest('[class*="st-key-"]')?.className.match(/st-key-([\w-]+)/)?.[1];
    if (key) target.setAttribute('list', `obs-suggest-${key}`);
  }, { capture: true, passive: true });
}
