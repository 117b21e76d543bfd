// How the waterfall draws its parts; joined to `waterfall.js`.

// The rows that have children, and the indent of each level: the deepest takes at most half of the name's column.
function treeOf(data, width) {
  const parents = new Set();
  for (const parent of data.parent) if (parent >= 0) parents.add(parent);
  const deepest = data.depth.reduce((most, depth) => Math.max(most, depth - 1), 1);
  const column = width > 600 ? width * 0.4 : Math.max(110, width * 0.48);
  return { parents, indent: Math.min(14, (column * 0.45) / deepest) };
}

function rowOf(data, tree, state, i, at) {
  const id = data.id[i];
  const row = element('div', 'row');
  if (data.failed.has(i)) row.classList.add('error');
  if (data.noCall.has(i)) row.classList.add('value');
  if (state.selected === id) row.classList.add('selected');
  if (state.active === id) row.classList.add('active');
  if (state.hits && !state.hits.has(i)) row.classList.add('other');
  row.id = `wf-${id}`;
  row.dataset.i = i;
  row.setAttribute('role', 'row');
  row.setAttribute('aria-level', data.depth[i]);
  row.setAttribute('aria-rowindex', at + 1);
  row.setAttribute('aria-selected', state.selected === id);
  if (tree.parents.has(i)) row.setAttribute('aria-expanded', !state.closed.has(id));
  row.append(nameOf(data, tree, state, i), laneOf(data, state, i), figure(data.duration[i], 'Duration'), figure(data.self[i], 'Self time'));
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
  const service = Object.assign(element('span', 'service'), { textContent: data.services[data.service[i]] });
  service.style.setProperty('--bar', colourOf(data, i));
  name.append(service, label);
  if (data.text[i]) name.append(Object.assign(element('span', 'text'), { textContent: data.text[i] }));
  if (data.note[i]) name.append(Object.assign(element('span', 'note'), { textContent: '!', title: data.note[i] }));
  name.title = [data.name[i], data.text[i], data.services[data.service[i]], data.groups[data.group[i]][0], data.note[i]].filter(Boolean).join('\n');
  return name;
}

// The bar of a row in the part of the trace that is shown, from `state.from` to `state.to` milliseconds.
function laneOf(data, state, i) {
  const lane = element('div', 'lane');
  lane.setAttribute('role', 'gridcell');
  const length = state.to - state.from || 1;
  const share = (ms) => ((ms - state.from) / length) * 100;
  const isPoint = data.duration[i] === null;
  const start = share(data.start[i]);
  const end = share(data.start[i] + (data.duration[i] ?? 0));
  lane.title = `${data.name[i]}\nfrom ${spoken(data.start[i])}${isPoint ? '' : `, ${spoken(data.duration[i])}`}`;
  if (end < 0 || start > 100) return lane;
  const bar = element('div', isPoint ? 'bar moment' : 'bar');
  const left = Math.max(start, -1);
  bar.style.left = `min(${left}%, 100% - ${isPoint ? 5 : 2}px)`; // a bar at the end stays visible
  if (!isPoint) bar.style.width = `${Math.max(0, Math.min(end, 101) - left)}%`;
  bar.style.setProperty('--bar', colourOf(data, i));
  lane.append(bar);
  for (const [from, to] of data.critical[i] ?? []) {
    if ((to - from) / length < 0.002 || to < state.from || from > state.to) continue;
    const path = element('div', 'critical');
    const first = Math.max(share(from), 0);
    path.style.left = `${first}%`;
    path.style.width = `${Math.min(share(to), 100) - first}%`;
    lane.append(path);
  }
  return lane;
}

function colourOf(data, i) {
  return `light-dark(${data.groups[data.group[i]].slice(1)})`;
}

function figure(ms, title) {
  const cell = element('div', 'figure');
  cell.setAttribute('role', 'gridcell');
  cell.textContent = ms === null ? '–' : spoken(ms);
  cell.title = ms === null ? `${title}: not measured` : `${title}: ${ms} ms`;
  return cell;
}

function ruler(target, from, to) {
  const marks = [0, 0.25, 0.5, 0.75].map((share) => {
    const mark = element('span', 'tick');
    mark.style.left = `${share * 100}%`;
    mark.textContent = spoken(from + (to - from) * share);
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
