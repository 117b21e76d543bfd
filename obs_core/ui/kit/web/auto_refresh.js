// Asks for the next refresh a pace after the last one was drawn: one that is late is not asked for twice.
// A hidden tab asks for nothing, and as soon as it is looked at again for what it missed.
const STATES = new WeakMap();
const LOST = 4; // paces (10 s at least) without an answer: the question, or the connection, was lost

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data) return undefined;
  const state = STATES.get(parentElement) || {};
  STATES.set(parentElement, state);
  clearTimeout(state.timer);
  if (state.watch) document.removeEventListener('visibilitychange', state.watch);
  const pace = data.pace_s * 1000;
  const due = performance.now() + pace;
  const ask = () => {
    clearTimeout(state.timer);
    if (document.visibilityState === 'hidden') return;
    setTriggerValue('beat', data.drawn);
    state.timer = setTimeout(ask, Math.max(10_000, pace * LOST));
  };
  state.watch = () => {
    if (document.visibilityState !== 'hidden' && performance.now() >= due) ask();
  };
  document.addEventListener('visibilitychange', state.watch);
  state.timer = setTimeout(ask, pace);
  return () => {
    clearTimeout(state.timer);
    document.removeEventListener('visibilitychange', state.watch);
  };
}
