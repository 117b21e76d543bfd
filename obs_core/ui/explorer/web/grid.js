// The callbacks of the rows' table. Each `const` becomes one JsCode of `grid.py`, which joins its lines: end statements
// with a semicolon, and put comments of several functions here, those of one function inside it.
//
// window.obsGrid holds what outlives an update of the rows: the page that is shown, the cell with the keyboard focus, and
// how the table looks (`look`, from the server): its order, which view it is, and which columns are empty.

const clickEvent = function({streamlitRerunEventTriggerName, eventData}) {
  if (streamlitRerunEventTriggerName === 'sortChanged') {
    const by = eventData.api.getColumnState().find(c => c.sort);
    return {sorts: by ? `${by.colId} ${by.sort}` : '', at: Date.now()};
  }
  const e = eventData || {}, row = e.data || {}, target = e.event && e.event.target, key = e.event && e.event.key;
  const arrow = key === 'ArrowRight' || key === 'ArrowLeft';
  const chevron = !!(target && target.classList && target.classList.contains('chevron')) && row.kids;
  const opensTrace = (row.look || '').includes('|traces|') && !row.depth; // its view shows what is below it
  const toggles = row.kids && (chevron || arrow || (!opensTrace && (key === 'Enter' || (!key && !row.open))));
  return {path: row.path, trace: row.trace, span: row.span, kind: row.kind, opens: toggles ? !row.open : null,
          selects: !arrow && !chevron, closes: key === 'Escape', at: Date.now()};
};

const isClick = function({streamlitRerunEventTriggerName, eventData}) {
  if (streamlitRerunEventTriggerName === 'cellClicked') return true;
  if (streamlitRerunEventTriggerName === 'sortChanged') return eventData.source !== 'api';
  if (streamlitRerunEventTriggerName !== 'cellKeyDown' || !eventData.event) return false;
  const key = eventData.event.key, row = eventData.data || {};
  if (key === 'Enter' || key === 'Escape') return true;
  return eventData.column.getColId() === 'Process' && row.kids && key === (row.open ? 'ArrowLeft' : 'ArrowRight');
};

const onReady = p => {
  if (window.obsGrid) return;
  window.obsGrid = {page: undefined, focus: null, arranged: ''};
  // The columns of the view, in the order that the server sorted by. On a narrow screen a row has two lines: the first
  // column then shows what the hidden ones have.
  window.obsGrid.arrange = api => {
    const first = api.getDisplayedRowAtIndex(0), narrow = document.body.clientWidth < 640;
    const look = (first && first.data.look) || '', key = `${look} ${narrow}`;
    if (window.obsGrid.arranged === key) return;
    window.obsGrid.arranged = key;
    const [sort, view, empty] = look.split('|');
    const traces = view === 'traces', isEmpty = name => empty.split(',').includes(name);
    const [column, way] = (sort || '').split(' ');
    const shown = {
      Data: !narrow, 'Data Type': !narrow && !traces, 'Data Value': !narrow && !traces, Timestamp: !narrow, Exception: !narrow,
      Spans: traces && !narrow, Errors: traces && !narrow, Services: traces && !narrow,
    };
    const state = ['Process', 'Data', 'Data Type', 'Data Value', 'Timestamp', 'Status', 'Exception', 'Duration',
      'Spans', 'Errors', 'Services'].map(id => ({colId: id, sort: id === column.replace('_', ' ') ? way : null,
      hide: id in shown ? !shown[id] : false}));
    for (const part of state) {
      if (part.colId === 'Status') part.width = narrow ? 66 : 78;
      if (part.colId === 'Data Type') part.width = isEmpty('Data Type') ? 60 : 82;
      if (part.colId === 'Data Value') Object.assign(part, isEmpty('Data Value') ? {flex: null, width: 60} : {flex: 3});
    }
    api.applyColumnState({state});
    api.setGridOption('rowHeight', narrow ? 48 : 30);
    document.body.classList.toggle('narrow', narrow);
    api.refreshCells({columns: ['Process'], force: true});
  };
  window.addEventListener('message', e => {
    const d = e.data;
    if (d && d.type === 'streamlit:render' && d.theme)
      document.documentElement.style.colorScheme = d.theme.base === 'dark' ? 'dark' : 'light';
  });
};

const onCellFocused = p => {
  // After an update the grid focuses the same row index again, without scrolling; only a user's own move counts.
  if (p.preventScrollOnBrowserFocus || p.rowIndex === null) return;
  const node = p.api.getDisplayedRowAtIndex(p.rowIndex);
  if (node) window.obsGrid.focus = {path: node.data.path, column: p.column};
};

const onRowsUpdated = p => {
  p.api.forEachNode(n => n.setSelected(!!n.data.selected, false));
  const state = window.obsGrid, first = p.api.getDisplayedRowAtIndex(0), page = first && first.data.page;
  if (state.page !== undefined && state.page !== page && first) p.api.ensureIndexVisible(0, 'top');
  state.page = page;
  state.arrange(p.api);
  // The focus follows its row to another index: rows above it may have come or gone while the answer was on its way.
  const focused = p.api.getFocusedCell(), node = state.focus && p.api.getRowNode(state.focus.path);
  if (!focused || !node || node.rowIndex === null || node.rowIndex === focused.rowIndex || !document.hasFocus()) return;
  const body = document.querySelector('.ag-body-viewport'), top = body.scrollTop;
  p.api.setFocusedCell(node.rowIndex, state.focus.column);
  body.scrollTop = top;
};

const onResized = p => window.obsGrid && window.obsGrid.arrange(p.api);

const keepsArrows = p => {
  // Left and Right open and close a row with children; elsewhere they move between cells.
  const row = p.data || {};
  return !!row.kids && p.event.key === (row.open ? 'ArrowLeft' : 'ArrowRight');
};

const rowId = p => p.data.path;

const isFailed = p => p.data.Status === 'ERROR';

const isChild = p => p.data.depth > 0;

const isAttribute = p => p.data.kind === 'attribute';

const isMore = p => p.data.kind === 'more';

const statusText = p => p.value === 'ERROR' ? '✕ ERROR' : p.value;

const valueSpan = p => {
  // An attribute has no timestamp, status, exception or duration: its value uses their columns.
  return p.data && p.data.kind === 'attribute' ? 5 : 1;
};

const processSpan = p => {
  // The row that loads more rows is as wide as the table.
  return p.data && p.data.kind === 'more' ? 8 : 1;
};

const keepOrder = () => 0;

const durationStyle = p => {
  // A bar under the number: its share of the longest duration on the page.
  const share = p.data && p.data.share;
  return {backgroundSize: share ? `${share * 100}% 3px` : '0 0'};
};

const hasErrors = p => !!p.value && p.value !== '0';

const neverEqual = () => false;
