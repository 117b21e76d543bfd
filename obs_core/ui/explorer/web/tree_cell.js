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
  }
  getGui() { return this.eGui; }
  refresh(params) { this.draw(params); return true; }
}
