// Responses go by letters and ranks by digits, on the page and on the keys. Both come from one list.

// Eight, because board.css has eight colours that tell them apart and a keyboard row has digits for them.
const LETTERS = 'ABCDEFGH';
const DIGITS = Array.from(LETTERS, (_, i) => String(i + 1));

// F flags, and so F is no key for the sixth response alone: with six, flagging takes Shift.
const FLAG = 'F';

export function letter(i) { return LETTERS[i]; }

export function ink(i) { return `ink-${letter(i).toLowerCase()}`; }

// Which of `count` responses a key names, counted from 0; -1 for a key that names none.
export function letterOf(event, count) {
  if (event.key.length !== 1 || (event.shiftKey && event.key.toUpperCase() === FLAG)) return -1;
  return LETTERS.slice(0, count).indexOf(event.key.toUpperCase());
}

// Which of `count` ranks a key names, counted from 0; -1 for a key that names none.
export function digitOf(event, count) { return DIGITS.slice(0, count).indexOf(event.key); }

// How the flag's key is written where `count` responses have letters.
export function flagKey(count) { return count > LETTERS.indexOf(FLAG) ? `⇧${FLAG}` : FLAG; }
