class TreeCell {
  init(params) {
    this.eGui = document.createElement('span');
    this.eGui.className = 'tree';
    this.draw(params);
  }
  draw(params) {
    const row = params.data;
    this.eGui.style.paddingLeft = `${Math.min(row.depth, 24) * 16}px`;
    const chevron = document.createElement('span');
    chevron.className = 'chevron';
    if (row.kids) {
      chevron.textContent = row.open ? '\u25BE' : '\u25B8';
      chevron.setAttribute('role', 'img');
      chevron.setAttribute('aria-label', row.open ? 'expanded' : 'collapsed');
      chevron.classList.add('has');
    }
    const text = document.createElement('span');
    text.className = 'label';
    text.textContent = params.value || '';
    this.eGui.replaceChildren(chevron, text);
    if (!document.body.classList.contains('narrow') || row.kind === 'more') return;
    const second = document.createElement('span');
    second.className = 'second';
    const errors = row.Errors && row.Errors !== '0' ? `\u2715 ${row.Errors}` : '';
    const what = row.Exception || errors || (row.look.includes('|traces|') ? '' : row['Data Value']);
    const time = (row.Timestamp || '').slice(5, 19);  // without year and milliseconds: there is room for the process
    second.textContent = [what, time, params.value].filter(Boolean).join(' \u00b7 ');
    text.textContent = row.Data;
    this.eGui.append(second);
  }
  getGui() { return this.eGui; }
  refresh(params) { this.draw(params); return true; }
}
