// A trace as a tree with its times: only the rows in view are in the page, so 20,000 rows scroll like 20.
// All text arrives as textContent; nothing that a traced program wrote is ever parsed as HTML.
const STATES = new WeakMap();
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
    root.querySelector('.pad').style.height = `${shown.length * ROW}px`;
    root.querySelector('.count').textContent = shown.length === data.id.length
      ? `${shown.length.toLocaleString('en')} rows`
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

  viewport.onkeydown = (event) => {
    const at = shown.findIndex((i) => data.id[i] === state.active);
    const i = shown[at];
    const page = Math.max(1, Math.floor(viewport.clientHeight / ROW) - 1);
    const moves = { ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: shown.length - 1, PageDown: at + page, PageUp: at - page };
    if (event.key in moves) go(moves[event.key]);
    else if (at < 0) return;
    else if (event.key === 'Enter' || event.key === ' ') pick(i);
    else if (event.key === 'ArrowRight') { if (state.closed.has(data.id[i])) toggle(i); else if (tree.parents.has(i)) go(at + 1); }
    else if (event.key === 'ArrowLeft') {
      if (tree.parents.has(i) && !state.closed.has(data.id[i])) toggle(i);
      else if (data.parent[i] >= 0) go(shown.indexOf(data.parent[i]));
    } else return;
    event.preventDefault();
  };

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
  const failed = find('error');
  failed.hidden = !data.error.length;
  failed.onclick = () => {
    const from = data.id.indexOf(state.active);
    const i = data.error.find((at) => at > from) ?? data.error[0];
    open(i);
    reveal(shown.indexOf(i), true);
    pick(i);
  };

  ruler(root.querySelector('.ruler'), data.total_ms);
  legend(root.querySelector('.legend'), data);
  viewport.style.height = `${Math.min(given.height, Math.max(3, data.id.length) * ROW)}px`;
  viewport.onscroll = draw;
  arrange();
  if (state.fresh && state.selected) {
    const i = data.id.indexOf(state.selected);
    if (i >= 0) { open(i); reveal(shown.indexOf(i), true); draw(); }
  }
  state.fresh = false;
}

// What the reader has expanded and selected. It outlives reruns; another trace starts with a new state.
function stateOf(element, given) {
  let state = STATES.get(element);
  if (!state || state.trace !== given.trace) {
    state = { trace: given.trace, closed: new Set(), selected: null, active: null, givenSelected: undefined, fresh: true, level: '', givenLevel: '' };
    STATES.set(element, state);
  }
  if (state.givenSelected !== given.selected) {
    state.fresh = state.selected !== given.selected;
    state.givenSelected = state.selected = state.active = given.selected;
  }
  if (state.snapshot !== given.snapshot) {
    state.snapshot = given.snapshot;
    const data = state.data = JSON.parse(given.snapshot);
    data.failed = new Set(data.error);
    data.noCall = new Set(data.value);
  }
  return state;
}

// The rows that have children, and the indent of each level: the deepest takes at most half of the name's column.
function treeOf(data, width) {
  const parents = new Set();
  for (const parent of data.parent) if (parent >= 0) parents.add(parent);
  const deepest = data.depth.reduce((most, depth) => Math.max(most, depth - 1), 1);
  const column = width > 640 ? width * 0.34 : Math.max(110, width * 0.46);
  return { parents, indent: Math.min(14, (column * 0.45) / deepest) };
}

function rowOf(data, tree, state, i, at) {
  const id = data.id[i];
  const row = element('div', 'row');
  if (data.failed.has(i)) row.classList.add('error');
  if (data.noCall.has(i)) row.classList.add('value');
  if (state.selected === id) row.classList.add('selected');
  if (state.active === id) row.classList.add('active');
  row.id = `wf-${id}`;
  row.dataset.i = i;
  row.setAttribute('role', 'row');
  row.setAttribute('aria-level', data.depth[i]);
  row.setAttribute('aria-rowindex', at + 1);
  row.setAttribute('aria-selected', state.selected === id);
  if (tree.parents.has(i)) row.setAttribute('aria-expanded', !state.closed.has(id));
  row.append(nameOf(data, tree, state, i), laneOf(data, i), figure(data.duration[i], 'Duration'), figure(data.self[i], 'Self time'));
  return row;
}

function nameOf(data, tree, state, i) {
  const name = element('div', 'name');
  name.setAttribute('role', 'gridcell');
  name.style.paddingLeft = `${4 + (data.depth[i] - 1) * tree.indent}px`;
  const chevron = element('span', 'chevron');
  if (tree.parents.has(i)) chevron.textContent = state.closed.has(data.id[i]) ? '▸' : '▾';
  else chevron.classList.add('leaf');
  const label = element('span', 'label');
  label.textContent = data.name[i];
  name.append(chevron);
  if (data.failed.has(i)) name.append(Object.assign(element('span', 'mark'), { textContent: '✕', title: 'Status ERROR' }));
  name.append(label);
  if (data.text[i]) name.append(Object.assign(element('span', 'text'), { textContent: data.text[i] }));
  if (data.note[i]) name.append(Object.assign(element('span', 'note'), { textContent: '!', title: data.note[i] }));
  name.title = [data.name[i], data.text[i], data.groups[data.group[i]][0], data.note[i]].filter(Boolean).join('\n');
  return name;
}

function laneOf(data, i) {
  const lane = element('div', 'lane');
  lane.setAttribute('role', 'gridcell');
  const total = data.total_ms || 1;
  const bar = element('div', 'bar');
  const start = (data.start[i] / total) * 100;
  bar.style.left = `min(${start}%, 100% - ${data.duration[i] === null ? 5 : 2}px)`; // a bar at the end stays visible
  if (data.duration[i] === null) bar.classList.add('moment');
  else bar.style.width = `${Math.max(0, (data.duration[i] / total) * 100)}%`;
  bar.style.setProperty('--bar', `light-dark(${data.groups[data.group[i]].slice(1)})`);
  bar.title = `${data.name[i]}\nfrom ${spoken(data.start[i])}${data.duration[i] === null ? '' : `, ${spoken(data.duration[i])}`}`;
  for (const [from, to] of data.critical[i] ?? []) {
    if ((to - from) / total < 0.002) continue;
    const path = element('div', 'critical');
    path.style.left = `${(from / total) * 100}%`;
    path.style.width = `${((to - from) / total) * 100}%`;
    lane.append(path);
  }
  lane.prepend(bar);
  return lane;
}

function figure(ms, title) {
  const cell = element('div', 'figure');
  cell.setAttribute('role', 'gridcell');
  cell.textContent = ms === null ? '–' : spoken(ms);
  cell.title = ms === null ? `${title}: not measured` : `${title}: ${ms} ms`;
  return cell;
}

function ruler(target, total) {
  const marks = [0, 0.25, 0.5, 0.75].map((share) => {
    const mark = element('span', 'tick');
    mark.style.left = `${share * 100}%`;
    mark.textContent = spoken(total * share);
    return mark;
  });
  target.replaceChildren(...marks);
}

// The levels that the tree can be expanded to: those with rows below them, at most 30.
function levels(select, data, show) {
  const deepest = Math.min(30, data.depth.reduce((most, depth) => Math.max(most, depth), 1) - 1);
  select.parentElement.hidden = deepest < 2;
  if (select.options.length !== deepest + 1) {
    const choices = Array.from({ length: deepest }, (_, at) => new Option(`${at + 1}`, at + 1));
    select.replaceChildren(new Option('all', ''), ...choices);
  }
  select.onchange = () => show(select.value);
}

// The colours of the groups (none for a trace of one group), and the line of the critical path.
function legend(target, data) {
  const groups = data.groups.filter(([group]) => group);
  const marks = groups.length < 2 ? [] : groups.slice(0, 12).map(([group, light, dark]) => {
    const mark = element('span', 'group');
    const swatch = element('span', 'swatch');
    swatch.style.setProperty('--bar', `light-dark(${light}, ${dark})`);
    mark.append(swatch, group);
    return mark;
  });
  if (groups.length > 12) marks.push(`and ${groups.length - 12} more`);
  if (Object.keys(data.critical).length) {
    const mark = element('span', 'group');
    mark.append(element('span', 'swatch path'), 'critical path');
    mark.title = 'The parts of the trace that decided when it ended';
    marks.push(mark);
  }
  target.replaceChildren(...marks);
}

// Three significant digits, in the unit that keeps them short.
function spoken(ms) {
  const [value, unit] = Math.abs(ms) >= 1000 ? [ms / 1000, 's'] : Math.abs(ms) >= 1 || ms === 0 ? [ms, 'ms'] : [ms * 1000, 'µs'];
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return `${value.toLocaleString('en', { minimumFractionDigits: 0, maximumFractionDigits: Math.min(digits, 3) })} ${unit}`;
}

function element(tag, name) {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}
