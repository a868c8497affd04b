import { toast } from "./toast";
import { t } from "./i18n";

/** Copies, also where the clipboard's own interface is missing (http:// addresses other than localhost). */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "offscreen";
    document.body.append(area);
    const focus = document.activeElement as HTMLElement | null;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focus?.focus();
    if (!done) toast(t("copy_failed"));
    return done;
  }
}

/** Copies and says so on the button for a moment. */
export async function copy_from(button: HTMLElement, text: string): Promise<void> {
  if (!(await copy(text))) return;
  const before = [...button.childNodes];
  button.textContent = t("copied");
  setTimeout(() => button.replaceChildren(...before), 1500);
}
