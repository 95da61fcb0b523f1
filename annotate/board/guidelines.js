// The guidelines, which fold. A version that this browser has not shown yet stands open until a ranking is stored.
const SEEN = 'rankloop:guidelines-seen';

export function drawGuidelines(board) {
  const told = board.state.view.guidelines;
  const box = board.find('.guidelines');
  board.find('.guideline').hidden = Boolean(told);
  box.hidden = !told;
  if (!told || box.dataset.version === String(told.version)) return;
  box.dataset.version = told.version;
  box.querySelector('small').textContent = `version ${told.version}, ${told.when}`;
  box.querySelector('.text').innerHTML = told.html; // made by the server from escaped text
  box.open = seen() !== String(told.version);
}

// A ranking was stored under the version that is shown: from the next task on it is out of the way.
export function foldGuidelines(board) {
  const box = board.find('.guidelines');
  const { version } = box.dataset;
  if (!version || seen() === version) return;
  box.open = false;
  try { localStorage.setItem(SEEN, version); } catch { /* a full or forbidden storage */ }
}

function seen() {
  try { return localStorage.getItem(SEEN); } catch { return null; }
}
