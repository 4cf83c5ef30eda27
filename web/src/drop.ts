/** Files of a drop, folders with all inside them, by their paths. */
export async function dropped(transfer: DataTransfer): Promise<{ name: string; file: File }[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ name: file.name, file }));
  const found: { name: string; file: File }[] = [];
  for (const entry of entries) await below(entry, '', found);
  return found;
}

/** Files of a file or folder chooser. */
export function chosen(list: FileList | null): { name: string; file: File }[] {
  return [...(list ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, file }));
}

async function below(entry: FileSystemEntry, folder: string, found: { name: string; file: File }[]): Promise<void> {
  const name = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ name, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // a reader hands out at most a hundred at once
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const inside of some) await below(inside, `${name}/`, found);
  }
}
