// A question before something that others will notice.
export function sure(asks, rests, yes) {
  const dialog = document.createElement('dialog');
  dialog.className = 'sure';
  dialog.setAttribute('aria-labelledby', 'sure');
  const words = [['h2', asks], ['p', rests]].map(([tag, text]) => Object.assign(document.createElement(tag), { textContent: text }));
  words[0].id = 'sure';
  const choice = document.createElement('p');
  choice.className = 'choice';
  choice.append(button('Cancel', ''), button(yes, 'yes'));
  dialog.append(...words, choice);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((answer) => {
    choice.addEventListener('click', ({ target }) => {
      if (target.value !== undefined) dialog.close(target.value);
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      answer(dialog.returnValue === 'yes');
    });
  });
}

function button(words, value) {
  return Object.assign(document.createElement('button'), { type: 'button', textContent: words, value });
}
