// What a person has opened stays open, although the server draws the panels anew and knows nothing of it.
export function keepOpen(root) {
  const opened = new Set();
  // Before the browser acts on it: so what a person closes is told from what a drawing closes.
  root.addEventListener('click', (event) => {
    const details = event.target.closest('summary')?.parentElement;
    if (details?.open) opened.delete(key(details));
  }, true);
  root.addEventListener('toggle', (event) => {
    if (event.target.open) opened.add(key(event.target));
  }, true);
  const again = () => {
    for (const details of root.querySelectorAll('details:not([open])')) {
      if (opened.has(key(details))) details.open = true;
    }
  };
  new MutationObserver(again).observe(root, { subtree: true, childList: true, attributeFilter: ['open'] });
}

// The panel in which it stands, and its own name or else its words.
function key(details) {
  return `${details.closest('[id]').id} ${details.dataset.name ?? details.querySelector('summary').textContent}`;
}
