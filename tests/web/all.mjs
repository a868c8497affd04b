import "./chat.test.mjs";
