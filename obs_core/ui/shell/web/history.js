// One entry in the browser history per page change. Streamlit 1.67 makes two: first the query of the new page on the
// path of the old one, then the new path; a step back would lead to an address that nobody visited.
// Expanded rows are in the address too, but expanding or collapsing one adds no entry.
if (!window.obsHistory) {
  const QUIET = ['t_open', 't_level'];
  const without = (search) => { const all = new URLSearchParams(search); QUIET.forEach((name) => all.delete(name)); return `${all}`; };
  const BOTH_MS = 1000; // the second comes with the same run, about 100 ms later
  const push = history.pushState.bind(history);
  const last = window.obsHistory = { address: '', at: 0 };
  history.pushState = (state, title, url) => {
    const to = new URL(url ?? '', location.href);
    const again = last.address === location.href && to.search === location.search && performance.now() - last.at < BOTH_MS;
    if (to.pathname !== location.pathname && again) { history.replaceState(state, title, url); return; }
    const samePage = to.pathname === location.pathname;
    if (samePage && to.search !== location.search && without(to.search) === without(location.search)) {
      history.replaceState(state, title, url);
      return;
    }
    push(state, title, url);
    Object.assign(last, { address: samePage ? location.href : '', at: performance.now() });
  };
}
