// Files on their way into a question.

import * as api from "./api";
import { h, icon, icon_button } from "./dom";
import { document_part } from "./file_chips";
import { number, t } from "./i18n";
import { model_of, state } from "./state";
import { toast } from "./toast";
import type { Part } from "./types";

interface Attachment {
  name: string;
  part: Part | null;
  note: string;
  controller: AbortController;
}

const kPicture = /^image\/(png|jpeg|webp)$/;

function size(bytes: number): string {
  return bytes >= 1 << 20 ? number(bytes / (1 << 20), 1) + " MB" : number(Math.ceil(bytes / 1024)) + " KB";
}

function as_url(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

export class Attachments {
  readonly element = h("div", { class: "chips", hidden: true });
  private all: Attachment[] = [];

  constructor(private readonly changed: () => void) {}

  get reading(): boolean {
    return this.all.some((attachment) => attachment.part === null);
  }

  get any(): boolean {
    return this.all.length > 0;
  }

  add(files: Iterable<File>): void {
    for (const file of files) void this.read(file);
  }

  private async read(file: File): Promise<void> {
    const limits = state.info?.limits;
    const picture = kPicture.test(file.type);
    const limit = picture ? limits?.image_bytes : limits?.body_bytes;
    if (limit && file.size > limit) {
      toast(t(picture ? "picture_too_big" : "too_big", { name: file.name, size: size(file.size), limit: size(limit) }));
      return;
    }
    const attachment: Attachment = { name: file.name, part: null, note: t("reading_file"), controller: new AbortController() };
    this.all.push(attachment);
    this.show();
    try {
      if (picture) {
        attachment.part = { type: "image_url", image_url: { url: await as_url(file) } };
        attachment.note = size(file.size);
      } else {
        const read = await api.read_file(file, attachment.controller.signal);
        attachment.part = document_part(read.name || file.name, read.text);
        attachment.note = read.pages?.length > 1 ? t("pages", { n: read.pages.length }) : size(file.size);
        if (read.warning) toast(t("file_failed", { name: file.name, error: read.warning }));
      }
    } catch (error) {
      if (attachment.controller.signal.aborted) return;
      this.remove(attachment);
      toast(t("file_failed", { name: file.name, error: (error as Error).message }));
      return;
    }
    this.show();
    this.blind_model();
  }

  /** Says so where a chosen model cannot see a picture that is attached; the name of the first, or null. */
  blind_model(): string | null {
    const picture = this.all.find((attachment) => attachment.part?.type === "image_url");
    if (!picture) return null;
    const { compare, ...left } = state.settings;
    const models = [left, ...(compare ? [compare] : [])].map(model_of);
    const blind = models.find((id) => !state.info?.models.find((model) => model.id === id)?.sees_pictures);
    if (blind === undefined) return null;
    toast(t("no_pictures", { model: blind, name: picture.name }));
    return blind;
  }

  private remove(attachment: Attachment): void {
    attachment.controller.abort();
    this.all = this.all.filter((other) => other !== attachment);
    this.show();
  }

  /** Hands over what was attached and forgets it. */
  take(): Part[] {
    const parts = this.all.flatMap(({ part }) => (part ? [part] : []));
    this.all = [];
    this.show();
    return [...parts.filter((part) => part.type === "text"), ...parts.filter((part) => part.type !== "text")];
  }

  private show(): void {
    this.element.hidden = !this.all.length;
    this.element.replaceChildren(
      ...this.all.map((attachment) =>
        h(
          "div",
          { class: "chip" + (attachment.part ? "" : " pulse") },
          attachment.part?.type === "image_url" ? h("img", { src: attachment.part.image_url.url, alt: "" }) : icon("file"),
          h("span", null, attachment.name),
          h("small", null, attachment.note),
          icon_button("close", t("remove_file", { name: attachment.name }), () => this.remove(attachment)),
        ),
      ),
    );
    this.changed();
  }
}
