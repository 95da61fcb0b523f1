// The sheet that tells all keys, and the switch that leaves single keys to the browser: who dictates or uses a screen
// reader may mean something else by them (WCAG 2.1.4).
import { letter } from './letters.js';
import { count } from './model.js';

const OFF = 'rankloop:single-keys-off';

export function openSheet(board) {
  const size = count(board.state);
  board.find('.sheet .letters').textContent = size ? `${letter(0)}–${letter(size - 1)}` : 'A–D';
  board.find('.sheet input').checked = singleKeys();
  board.find('.sheet').showModal();
}

export function closeSheet(board) { board.find('.sheet').close(); }

export function sheetOpen(board) { return board.find('.sheet').open; }

// Whether letters, digits and ? do something by themselves.
export function singleKeys() {
  try { return !localStorage.getItem(OFF); } catch { return true; }
}

export function switchKeys(on) {
  try {
    if (on) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, '1');
  } catch { /* a full or forbidden storage */ }
}
