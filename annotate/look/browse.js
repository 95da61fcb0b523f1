// The prompts to look through: what is sought stands in the address, so that it can be kept and sent.
export function start({ element }) {
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    seek(event.target);
  });
  element.addEventListener('change', (event) => {
    if (event.target.matches('select')) seek(event.target.form);
  });
  element.addEventListener('click', (event) => {
    const link = event.target.closest('[data-go]');
    if (!link) return;
    event.preventDefault(); // the page has a <base>, under which it would lead elsewhere
    location.hash = link.dataset.go;
  });
}

function seek(form) {
  const given = [...new FormData(form)].filter(([, value]) => value);
  location.hash = `/prompts?${new URLSearchParams(given)}`;
}
