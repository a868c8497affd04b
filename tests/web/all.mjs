import "./chat.test.mjs";
import "./compare.test.mjs";
import "./files.test.mjs";
import "./markdown.test.mjs";
import "./interface.test.mjs";
import "./blocks.test.mjs";
