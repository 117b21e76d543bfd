// One action of the reader is one entry in the browser history. Streamlit 1.67 adds an entry for each parameter that a
// run sets: a change of page gives one for the query on the old path, one for the new path, and one for each shared
// control that is not at its default. Back would then lead to addresses that nobody visited, without the window.
// So only the first change after an action adds an entry; those that follow from it replace it. The same holds for a
// change of the shared controls soon after an entry, for what the server corrects after Back, and for expanded rows.
if (!window.obsHistory) {
  const QUIET = ['t_open', 't_level'];
  const SHARED = ['from', 'to', 'group', 'every', 'exact'];
  const SAME_RUN_MS = 1000; // the parameters of one run come within about 100 ms
  const without = (search, names) => {
    const all = new URLSearchParams(search);
    names.forEach((name) => all.delete(name));
    return `${all}`;
  };
  const state = window.obsHistory = { acted: false, pushed: -SAME_RUN_MS };
  const act = () => { state.acted = true; };
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, act, { capture: true, passive: true });
  // A click inside a table's frame reaches this document only as the value that the table sends.
  addEventListener('message', ({ data }) => { if (data?.type === 'streamlit:setComponentValue') act(); });
  addEventListener('popstate', () => { state.acted = false; }, { capture: true });

  const push = history.pushState.bind(history);
  history.pushState = (data, title, url) => {
    const to = new URL(url ?? '', location.href);
    const same = (names) => to.pathname === location.pathname && to.search !== location.search
      && without(to.search, names) === without(location.search, names);
    const follows = !state.acted || (same(SHARED) && performance.now() - state.pushed < SAME_RUN_MS);
    if (follows || same(QUIET)) { history.replaceState(data, title, url); return; }
    push(data, title, url);
    Object.assign(state, { acted: false, pushed: performance.now() });
  };

  // A link that is opened in a new tab or copied carries the shared controls, as a click on it does.
  const carry = ({ target }) => {
    const link = target instanceof Element && target.closest('a[href]');
    if (!link || link.origin !== location.origin) return;
    const own = new URLSearchParams(link.search);
    const here = new URLSearchParams(location.search);
    SHARED.forEach((name) => { if (here.has(name) && !own.has(name)) own.set(name, here.get(name)); });
    if (`${own}` !== `${new URLSearchParams(link.search)}`) link.search = `${own}`;
  };
  for (const kind of ['pointerdown', 'focusin']) addEventListener(kind, carry, { capture: true, passive: true });
}
