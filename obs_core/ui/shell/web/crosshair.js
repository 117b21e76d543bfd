// The line at the pointer is in all time charts of a page: they have the same width of axis, and so the same times at the
// same share of their plots. The other charts get `dragover`, on which they move the line but show no tooltip.
if (!window.obsCrosshair) {
  window.obsCrosshair = true;
  const CHARTS = '[class*="st-key-timeline_"] svg';
  const plot = (svg) => svg.querySelector('g.mark-group.role-frame.root path.background')?.getBoundingClientRect();
  let reached = [];
  const leave = () => {
    reached.forEach((element) => element.dispatchEvent(new PointerEvent('dragleave', { bubbles: true })));
    reached = [];
  };
  addEventListener('pointermove', (event) => {
    const own = event.isTrusted && event.buttons === 0 && event.target instanceof Element && event.target.closest(CHARTS);
    const from = own && plot(own);
    if (!from || event.clientX < from.left || event.clientX > from.right) { if (event.isTrusted) leave(); return; }
    const share = (event.clientX - from.left) / from.width;
    reached = [];
    document.querySelectorAll(CHARTS).forEach((svg) => {
      const to = svg === own ? null : plot(svg);
      if (!to) return;
      const at = { clientX: to.left + share * to.width, clientY: to.top + to.height / 2 };
      const element = document.elementFromPoint(at.clientX, at.clientY);
      if (!element || !svg.contains(element)) return;
      element.dispatchEvent(new PointerEvent('dragover', { bubbles: true, ...at }));
      reached.push(element);
    });
  }, { capture: true, passive: true });
}
