// Requests the next refresh when the server says so: all sessions do it at once. One that is late is not requested twice.
// A hidden tab requests nothing and catches up as soon as it is visible again. While a pointer button is down, nothing
// is requested either: a redrawn chart would end the selection that is being dragged over it. Nor while a run is under
// way, which the refresh would interrupt: controls that were not drawn yet would lose their values, in the link too.
const STATES = new WeakMap();
const LOST = 4; // intervals (at least 10 s) without an answer: the request or the connection was lost
const LONGEST_DRAG_MS = 30_000; // after it, the release of the button was lost

let pressed = -LONGEST_DRAG_MS;
document.addEventListener('pointerdown', () => { pressed = performance.now(); }, true);
for (const end of ['pointerup', 'pointercancel']) {
  document.addEventListener(end, () => { pressed = -LONGEST_DRAG_MS; }, true);
}
const drags = () => performance.now() - pressed < LONGEST_DRAG_MS;
const runs = () => {
  const state = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState;
  return state !== undefined && state !== 'notRunning';
};

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data) return undefined;
  const state = STATES.get(parentElement) || {};
  STATES.set(parentElement, state);
  clearTimeout(state.timer);
  if (state.watch) document.removeEventListener('visibilitychange', state.watch);
  const interval = data.interval_s * 1000;
  const wait = data.wait_s * 1000;
  const due = performance.now() + wait;
  const lost = Math.max(10_000, interval * LOST);
  const request = () => {
    clearTimeout(state.timer);
    if (document.visibilityState === 'hidden') return;
    if (drags() || (runs() && performance.now() < due + lost)) {
      state.timer = setTimeout(request, 100);
      return;
    }
    setTriggerValue('refresh', data.drawn);
    state.timer = setTimeout(request, lost);
  };
  state.watch = () => {
    if (document.visibilityState !== 'hidden' && performance.now() >= due) request();
  };
  document.addEventListener('visibilitychange', state.watch);
  state.timer = setTimeout(request, wait);
  return () => {
    clearTimeout(state.timer);
    document.removeEventListener('visibilitychange', state.watch);
  };
}
