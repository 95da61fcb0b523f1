// Responses go by letters and ranks by digits, on the page and on the keys. All of them come from here.

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
// board.css has so many colours that tell them apart; the ninth letter has the first colour again.
const INKS = 8;
// A keyboard row has digits for so many ranks; from the tenth on a response gets there by the arrows or the pointer.
const DIGITS = Array.from('123456789');

// The letters that do something else: S skips, F flags, P goes back, W shows the texts as written. Where one of them
// names a response, the command takes Shift.
const COMMANDS = 'SFPW';

export const MOST = LETTERS.length;

export function letter(i) { return LETTERS[i]; }

export function ink(i) { return `ink-${letter(i % INKS).toLowerCase()}`; }

// Which of `count` responses a key names, counted from 0; -1 for a key that names none.
export function letterOf(event, count) {
  const typed = latin(event);
  if (!typed || (event.shiftKey && COMMANDS.includes(typed))) return -1;
  return LETTERS.slice(0, count).indexOf(typed);
}

// Which of `count` ranks a key names, counted from 0; -1 for a key that names none.
export function digitOf(event, count) { return DIGITS.slice(0, count).indexOf(digit(event)); }

// Which command a key gives where `count` responses have letters; '' for a key that gives none.
export function commandOf(event, count) {
  const typed = latin(event);
  return typed && COMMANDS.includes(typed) && letterOf(event, count) < 0 ? typed : '';
}

// How a command's key is written where `count` responses have letters.
export function commandKey(command, count) {
  return LETTERS.slice(0, count).includes(command) ? `⇧${command}` : command;
}

// The letter that a key writes, as a capital. On a keyboard that writes Cyrillic or Greek it is the one that lies at
// the same place on a Latin one; '' for a key that is neither.
export function latin({ key, code }) {
  const typed = key.toUpperCase();
  if (typed.length === 1 && LETTERS.includes(typed)) return typed;
  const written = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
  return written && /^Key[A-Z]$/.test(code) ? code.at(-1) : '';
}

// The digit that a key writes, or the one at its place: a French keyboard writes & with the key of the 1.
function digit({ key, code, shiftKey }) {
  if (DIGITS.includes(key) || shiftKey || key.length !== 1) return key;
  return /^Digit[1-9]$/.test(code) ? code.at(-1) : key;
}
