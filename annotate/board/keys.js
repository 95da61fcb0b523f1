// Keyboard first. No key sends work away at once: S and F open a panel, Enter refuses until all is ranked.
const TYPING = 'textarea, input:not([type="checkbox"]), select, [contenteditable]';

function onKey(event) {
  if (!element.isConnected) return document.removeEventListener('keydown', onKey);
  if (event.isComposing || !state.view?.task) return;
  if (drag && event.key === 'Escape') return dropGhost();
  const handled = state.panel ? panelKey(event) : boardKey(event);
  if (handled) event.preventDefault();
}

function boardKey(event) {
  const typing = event.target.closest?.(TYPING);
  if (event.ctrlKey || event.metaKey) {
    if (event.key === 'Enter') return submit(), true;
    if (event.key.toLowerCase() === 'z' && !event.shiftKey && !typing) return undo(), true;
    return false;
  }
  if (event.altKey) return false;
  if (typing) return event.key === 'Escape' ? (typing.blur(), true) : false;
  const control = event.target.closest?.('button, a, summary');
  if (control && !control.dataset.chip && (event.key === 'Enter' || event.key === ' ')) return false;
  return act(event);
}

function act(event) {
  const shifted = event.shiftKey && event.key.toUpperCase() === 'F';
  const picked = shifted ? -1 : LETTERS.slice(0, count()).indexOf(event.key.toUpperCase());
  if (event.key.length === 1 && picked >= 0) return pick(picked), true;
  if (/^[1-8]$/.test(event.key) && Number(event.key) <= count()) return rank(Number(event.key) - 1), true;
  const doing = {
    ArrowLeft: () => move(-1), ArrowRight: () => move(1), Backspace: clear, Delete: clear, Enter: submit,
    s: () => openPanel('skip'), S: () => openPanel('skip'), f: () => openPanel('flag'), F: () => openPanel('flag'),
    p: () => send('previous'), P: () => send('previous'), Escape: back,
  }[event.key];
  if (doing) doing();
  return Boolean(doing);
}

function panelKey(event) {
  if (event.key === 'Escape') return closePanel(), true;
  const typing = event.target.closest?.('textarea');
  const control = event.target.closest?.('button');
  if (event.key === 'Enter' && !control && (!typing || event.ctrlKey || event.metaKey)) return confirmPanel(), true;
  const reason = typing ? undefined : element.querySelectorAll('.reasons input')[Number(event.key) - 1];
  if (reason) reason.checked = true;
  return Boolean(reason);
}
