// The parts of the bundled libraries that the studio calls.

declare module "markdown-it" {
  export interface Token {
    type: string;
    tag: string;
    attrs: [string, string][] | null;
    map: [number, number] | null;
    nesting: 1 | 0 | -1;
    level: number;
    children: Token[] | null;
    content: string;
    markup: string;
    info: string;
    block: boolean;
    hidden: boolean;
    attrGet(name: string): string | null;
    attrSet(name: string, value: string): void;
    attrIndex(name: string): number;
  }
  export interface InlineState {
    src: string;
    pos: number;
    posMax: number;
    push(type: string, tag: string, nesting: number): Token;
  }
  export interface BlockState {
    src: string;
    bMarks: number[];
    eMarks: number[];
    tShift: number[];
    sCount: number[];
    blkIndent: number;
    line: number;
    getLines(begin: number, end: number, indent: number, keepLastLf: boolean): string;
    push(type: string, tag: string, nesting: number): Token;
  }
  export type Rule = (tokens: Token[], index: number) => string;
  interface Ruler<F> {
    before(name: string, own: string, rule: F, options?: { alt: string[] }): void;
    disable(names: string[]): void;
  }
  export default class MarkdownIt {
    constructor(options: Record<string, unknown>);
    parse(text: string, env: object): Token[];
    renderer: { rules: Record<string, Rule | undefined>; render(tokens: Token[], options: object, env: object): string };
    options: object;
    linkify: { set(options: Record<string, boolean>): void };
    inline: { ruler: Ruler<(state: InlineState, silent: boolean) => boolean> };
    block: { ruler: Ruler<(state: BlockState, begin: number, end: number, silent: boolean) => boolean> };
    core: { ruler: Ruler<(state: { tokens: Token[] }) => void> };
    utils: { escapeHtml(text: string): string };
    validateLink: (url: string) => boolean;
  }
}

declare module "dompurify" {
  const purify: { sanitize(html: string, options: Record<string, unknown>): DocumentFragment };
  export default purify;
}

declare module "katex" {
  export interface TreeNode {
    attributes?: Record<string, string>;
    children?: TreeNode[];
    toNode(): HTMLElement;
  }
  const katex: { __renderToDomTree(tex: string, options: Record<string, unknown>): TreeNode };
  export default katex;
}
