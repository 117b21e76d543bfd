// A trace as a tree with its times: only the rows in view are in the page, so 20,000 rows scroll like 20.
// `waterfall_rows.js` and `waterfall_zoom.js` are joined to this file. All text arrives as textContent; nothing that a traced program wrote is ever parsed as HTML.
const STATES = new WeakMap();
const LISTENING = new WeakSet();
const ROW = 24;

export default function ({ data: given, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector('.wf');
  if (!root || !given) return;
  const state = stateOf(parentElement, given);
  const data = state.data;
  const viewport = root.querySelector('.viewport');
  const tree = treeOf(data, viewport.clientWidth);
  const layer = root.querySelector('.layer');
  const find = (name) => root.querySelector(`[data-do=${name}]`);
  let shown = [];

  function arrange() {
    shown = [];
    const hidden = new Uint8Array(data.id.length);
    for (let i = 0; i < data.id.length; i++) {
      const parent = data.parent[i];
      if (parent >= 0 && (hidden[parent] || state.closed.has(data.id[parent]))) hidden[i] = 1;
      else shown.push(i);
    }
    viewport.style.height = `${Math.min(Math.max(given.height, window.innerHeight - 330), Math.max(3, data.id.length) * ROW)}px`;
    root.querySelector('.pad').style.height = `${shown.length * ROW}px`;
    root.querySelector('.count').textContent = shown.length === data.id.length
      ? `${shown.length.toLocaleString('en')} ${shown.length === 1 ? 'row' : 'rows'}`
      : `${shown.length.toLocaleString('en')} of ${data.id.length.toLocaleString('en')} rows`;
    draw();
  }

  function draw() {
    const first = Math.max(0, Math.floor(viewport.scrollTop / ROW) - 6);
    const last = Math.min(shown.length, first + Math.ceil(viewport.clientHeight / ROW) + 12);
    layer.style.top = `${first * ROW}px`;
    const rows = [];
    for (let at = first; at < last; at++) rows.push(rowOf(data, tree, state, shown[at], at));
    layer.replaceChildren(...rows);
    viewport.setAttribute('aria-activedescendant', state.active === null ? '' : `wf-${state.active}`);
  }

  // In the middle if it must be moved far, else just into view.
  function reveal(at, middle) {
    const top = at * ROW;
    const inside = top >= viewport.scrollTop && top + ROW <= viewport.scrollTop + viewport.clientHeight;
    if (middle && !inside) viewport.scrollTop = top - (viewport.clientHeight - ROW) / 2;
    else if (top < viewport.scrollTop) viewport.scrollTop = top;
    else if (top + ROW > viewport.scrollTop + viewport.clientHeight) viewport.scrollTop = top + ROW - viewport.clientHeight;
  }

  function go(at) {
    if (!shown.length) return;
    const to = Math.max(0, Math.min(shown.length - 1, at));
    state.active = data.id[shown[to]];
    reveal(to);
    draw();
  }

  function open(i) {
    for (let parent = data.parent[i]; parent >= 0; parent = data.parent[parent]) state.closed.delete(data.id[parent]);
    arrange();
  }

  function pick(i) {
    state.active = state.selected = data.id[i];
    draw();
    setTriggerValue('selected', data.id[i]);
  }

  function toggle(i) {
    const id = data.id[i];
    if (!tree.parents.has(i)) return;
    if (!state.closed.delete(id)) state.closed.add(id);
    state.active = id;
    arrange();
  }

  root.onclick = (event) => {
    const row = event.target.closest('.row');
    if (!row) return;
    const i = Number(row.dataset.i);
    if (event.target.classList.contains('chevron')) toggle(i);
    else pick(i);
  };

  // The keys of the rows; `letters` are those that also work while the focus is elsewhere on the page.
  const letters = {
    j: () => walk(1), k: () => walk(-1), e: () => step(1), E: () => step(-1),
    '/': () => { search.focus(); search.select(); }, z: zoomToRow, '0': () => zoom(0, data.total_ms),
    J: () => press('next_trace'), K: () => press('previous_trace'), Escape: close,
  };
  const position = () => shown.findIndex((i) => data.id[i] === state.active);
  function walk(way) {
    go(position() + way);
    viewport.focus({ preventScroll: true });
  }

  state.onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in letters)) return;
    letters[event.key]();
    event.preventDefault();
    event.stopPropagation();
  };

  viewport.onkeydown = (event) => {
    const at = position();
    const i = shown[at];
    const page = Math.max(1, Math.floor(viewport.clientHeight / ROW) - 1);
    const moves = { ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: shown.length - 1, PageDown: at + page, PageUp: at - page };
    if (event.key in moves) go(moves[event.key]);
    else if (event.key in letters) { state.onKey(event); return; }
    else if (at < 0) return;
    else if (event.key === 'Enter' || event.key === ' ') pick(i);
    else if (event.key === 'ArrowRight') { if (state.closed.has(data.id[i])) toggle(i); else if (tree.parents.has(i)) go(at + 1); }
    else if (event.key === 'ArrowLeft') {
      if (tree.parents.has(i) && !state.closed.has(data.id[i])) toggle(i);
      else if (data.parent[i] >= 0) go(shown.indexOf(data.parent[i]));
    } else return;
    event.preventDefault();
  };

  // Streamlit's own button outside the component: the reader's click and key are the same action.
  function press(name) {
    document.querySelector(`.st-key-t_${name} button:not(:disabled)`)?.click();
  }

  function close() {
    press('close');
    document.querySelector('iframe[title*=agGrid]')?.contentWindow.focus();
  }

  // Search dims the rows that do not contain the text; Enter selects the next one that does.
  const search = find('search');
  function lookFor(text) {
    state.text = text;
    const needle = text.trim().toLowerCase();
    state.hits = needle ? new Set([...data.id.keys()].filter((i) => textOf(data, i).includes(needle))) : null;
    root.querySelector('.hits').textContent = state.hits ? `${state.hits.size.toLocaleString('en')} found` : '';
    draw();
  }
  search.oninput = () => lookFor(search.value);
  search.onkeydown = (event) => {
    if (event.key === 'Enter' && state.hits?.size) jump([...state.hits], event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape' && search.value) { search.value = ''; lookFor(''); }
    else if (event.key === 'Escape') viewport.focus();
    event.stopPropagation();
  };

  // Select the next (1) or previous (-1) of some rows, in the order of the tree, from the active one on.
  function jump(rows, way) {
    const from = data.id.indexOf(state.active);
    const next = way > 0 ? rows.find((at) => at > from) ?? rows[0] : rows.findLast((at) => at < from) ?? rows.at(-1);
    open(next);
    reveal(shown.indexOf(next), true);
    pick(next);
  }
  function step(way) {
    if (data.error.length) jump(data.error, way);
  }

  function zoom(from, to) {
    const least = data.total_ms / 1e6 || 1;
    Object.assign(state, { from: Math.max(0, from), to: Math.min(data.total_ms, Math.max(to, from + least)) });
    find('whole').hidden = state.from === 0 && state.to === data.total_ms;
    ruler(root.querySelector('.ruler'), state.from, state.to);
    map.show();
    draw();
  }
  function zoomToRow() {
    const i = data.id.indexOf(state.active);
    const length = data.duration[i] || data.total_ms / 100;
    if (i >= 0) zoom(data.start[i] - length * 0.05, data.start[i] + length * 1.05);
  }

  // Level '' is the whole tree. The selected level is sent to the server, which puts it into the link.
  function collapse(level) {
    const beyond = level === '' ? [] : [...tree.parents].filter((i) => data.depth[i] >= Number(level));
    state.closed = new Set(beyond.map((i) => data.id[i]));
    state.level = level;
    find('level').value = level;
  }

  function show(level) {
    collapse(level);
    arrange();
    setTriggerValue('level', level);
  }

  find('collapse').onclick = () => show('1');
  find('expand').onclick = () => show('');
  levels(find('level'), data, show);
  if (state.givenLevel !== given.level) {
    state.givenLevel = given.level;
    if (state.level !== given.level) collapse(given.level);
  }
  for (const [name, way] of [['error', 1], ['error_before', -1]]) {
    find(name).hidden = !data.error.length;
    find(name).onclick = () => step(way);
  }
  find('whole').onclick = () => zoom(0, data.total_ms);
  find('zoom').onclick = zoomToRow;

  const map = minimap(root, data, state, zoom);
  legend(root.querySelector('.legend'), data);
  viewport.onscroll = draw;
  arrange();
  zoom(state.from, state.to);
  lookFor(state.text);
  search.value = state.text;
  listen(parentElement);
  if (state.fresh && state.selected) {
    const i = data.id.indexOf(state.selected);
    if (i >= 0) { open(i); reveal(shown.indexOf(i), true); draw(); }
  }
  if (state.fresh && document.activeElement === document.body) viewport.focus({ preventScroll: true });
  state.fresh = false;
}

// Keys that are pressed anywhere on the page, except in a field or in another part that takes them.
function listen(parentElement) {
  if (LISTENING.has(parentElement)) return;
  LISTENING.add(parentElement);
  const listener = (event) => {
    if (!parentElement.isConnected) { document.removeEventListener('keydown', listener); return; }
    const [target] = event.composedPath();
    const takesKeys = target instanceof Element && target.closest('input, textarea, select, iframe, [contenteditable=true], [role=dialog], [role=listbox], [data-baseweb=popover]');
    if (!takesKeys && !event.defaultPrevented) STATES.get(parentElement)?.onKey?.(event);
  };
  document.addEventListener('keydown', listener);
}

// What the reader has expanded and selected. It outlives reruns; another trace starts with a new state.
function stateOf(element, given) {
  let state = STATES.get(element);
  if (!state || state.trace !== given.trace) {
    state = { trace: given.trace, closed: new Set(), selected: null, active: null, givenSelected: undefined, fresh: true, level: '', givenLevel: '', text: '', hits: null, from: 0, to: null };
    STATES.set(element, state);
  }
  if (state.givenSelected !== given.selected) {
    state.givenSelected = given.selected;
    state.fresh = state.selected !== given.selected; // else the reader selected it here, and may have moved on since
    if (state.fresh) state.selected = state.active = given.selected;
  }
  if (state.snapshot !== given.snapshot) {
    state.snapshot = given.snapshot;
    const data = state.data = JSON.parse(given.snapshot);
    data.failed = new Set(data.error);
    data.noCall = new Set(data.value);
  }
  if (state.to === null) state.to = state.data.total_ms;
  return state;
}
