// The whole trace in a strip above the waterfall; joined to `waterfall.js`. A drag over it, or over the ruler, zooms.

function minimap(root, data, state, zoom) {
  const strip = root.querySelector('.map');
  const canvas = strip.querySelector('canvas');
  const frame = strip.querySelector('.shown');
  paint(canvas, data, root, strip);

  for (const [target, whole] of [[strip, true], [root.querySelector('.ruler'), false]]) {
    let start = null;
    const at = (event) => {
      const box = target.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / (box.width || 1)));
      return whole ? share * data.total_ms : state.from + share * (state.to - state.from);
    };
    target.onpointerdown = (event) => { start = [at(event), event.clientX]; target.setPointerCapture(event.pointerId); };
    target.onpointermove = (event) => { if (start && whole) place(frame, ...sorted(start[0], at(event)), data.total_ms); };
    target.onpointerup = (event) => {
      if (start && Math.abs(event.clientX - start[1]) > 4) zoom(...sorted(start[0], at(event)));
      start = null;
    };
    target.ondblclick = () => zoom(0, data.total_ms);
  }
  return { show: () => place(frame, state.from, state.to, data.total_ms) };
}

function sorted(a, b) {
  return a < b ? [a, b] : [b, a];
}

function place(frame, from, to, total) {
  frame.style.left = `${(from / (total || 1)) * 100}%`;
  frame.style.width = `${((to - from) / (total || 1)) * 100}%`;
}

// Each row is a line at its height in the list; failed ones are drawn last, over the others.
function paint(canvas, data, root, strip) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width || canvas.drawn === `${width} ${data.id.length} ${data.id[0]}`) return;
  canvas.drawn = `${width} ${data.id.length} ${data.id[0]}`;
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d');
  const line = Math.min(4, Math.max(1, height / Math.max(1, data.id.length) - 1));
  const draw = (rows, colour) => {
    context.fillStyle = colour;
    for (const i of rows) {
      const x = (data.start[i] / (data.total_ms || 1)) * width;
      context.fillRect(x, (i / data.id.length) * height, Math.max(1, ((data.duration[i] ?? 0) / (data.total_ms || 1)) * width), line);
    }
  };
  draw(data.id.keys(), getComputedStyle(root.querySelector('.count')).color);
  draw(data.error, getComputedStyle(strip).caretColor);
}

// What the search looks at: service, name, and the value or exception.
function textOf(data, i) {
  return `${data.services[data.service[i]]} ${data.name[i]} ${data.text[i] ?? ''}`.toLowerCase();
}
