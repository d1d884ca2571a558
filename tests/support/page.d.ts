// What the page's scripts expect of the browser beside its standard types: an element that a
// selector finds may be any of the page's own, and so may the target of an event.
interface Element {
  dataset: DOMStringMap;
  append: any;
  blur: any;
  checked: any;
  dir: any;
  click: any;
  disabled: any;
  files: any;
  focus: any;
  hash: any;
  hidden: any;
  name: any;
  open: any;
  select: any;
  showModal: any;
  close: any;
  style: any;
  tBodies: any;
  value: any;
}
interface EventTarget {
  closest?(selectors: string): Element | null;
  matches?(selectors: string): boolean;
  querySelector?(selectors: string): Element | null;
}
