// Menus lie outside the part of the page that has Streamlit's theme: the document takes its colour scheme, also later.
if (!window.obsScheme) {
  window.obsScheme = true;
  const app = document.querySelector('[data-testid=stApp]');
  const follow = () => { document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme; };
  new MutationObserver(follow).observe(app, { attributes: true, attributeFilter: ['class'] });
  follow();
}
