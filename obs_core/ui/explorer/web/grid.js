// The callbacks of the rows' table. Each `const` becomes one JsCode of `grid.py`, which joins its lines: end statements
// with a semicolon, and put comments of several functions here, those of one function inside it.
//
// window.obsGrid holds what outlives an update of the rows: the page that is shown and the cell with the keyboard focus.

const clickEvent = function({streamlitRerunEventTriggerName, eventData}) {
  const e = eventData || {}, row = e.data || {}, target = e.event && e.event.target, key = e.event && e.event.key;
  const arrow = key === 'ArrowRight' || key === 'ArrowLeft';
  const chevron = !!(target && target.classList && target.classList.contains('chevron')) && row.kids;
  const toggles = row.kids && (chevron || arrow || key === 'Enter' || (!key && !row.open));
  return {path: row.path, trace: row.trace, span: row.span, kind: row.kind, opens: toggles ? !row.open : null,
          selects: !arrow && !chevron, at: Date.now()};
};

const isClick = function({streamlitRerunEventTriggerName, eventData}) {
  if (streamlitRerunEventTriggerName === 'cellClicked') return true;
  if (streamlitRerunEventTriggerName !== 'cellKeyDown' || !eventData.event) return false;
  const key = eventData.event.key, row = eventData.data || {};
  if (key === 'Enter') return true;
  return eventData.column.getColId() === 'Process' && row.kids && key === (row.open ? 'ArrowLeft' : 'ArrowRight');
};

const onReady = p => {
  if (window.obsGrid) return;
  window.obsGrid = {page: undefined, focus: null};
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
  // The focus follows its row to another index: rows above it may have come or gone while the answer was on its way.
  const focused = p.api.getFocusedCell(), node = state.focus && p.api.getRowNode(state.focus.path);
  if (!focused || !node || node.rowIndex === null || node.rowIndex === focused.rowIndex || !document.hasFocus()) return;
  const body = document.querySelector('.ag-body-viewport'), top = body.scrollTop;
  p.api.setFocusedCell(node.rowIndex, state.focus.column);
  body.scrollTop = top;
};

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

const neverEqual = () => false;
