// A menu that scrolls can be scrolled by keyboard only if it, or something in it, can have the focus.
if (!window.obsScroll) {
  window.obsScroll = true;
  const reach = () => document.querySelectorAll('[data-testid=stPopoverBody]:not([tabindex])').forEach((menu) => {
    menu.tabIndex = 0;
  });
  new MutationObserver(reach).observe(document.body, { childList: true });
}
