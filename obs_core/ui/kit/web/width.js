// Reports whether the page is as narrow as a phone, when that is not what the server knows.
const WATCHED = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  WATCHED.get(parentElement)?.abort();
  const watch = new AbortController();
  WATCHED.set(parentElement, watch);
  const query = matchMedia(`(max-width: ${data?.narrow_px ?? 640}px)`);
  let known = Boolean(data?.narrow);
  const report = () => {
    if (query.matches === known) return;
    known = query.matches;
    setStateValue('narrow', known);
  };
  query.addEventListener('change', report, { signal: watch.signal });
  report();
  return () => watch.abort();
}
