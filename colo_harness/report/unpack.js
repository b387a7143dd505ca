// What the page carries is compressed, and unpacked when it is asked for.
if (!window.DecompressionStream) {
  document.body.textContent = "This report needs a browser of 2023 or later: Firefox 113, Chromium 80, Safari 16.4.";
}

async function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).blob();
}

async function unpackedBase64(packed) {
  const reader = new FileReader();
  reader.readAsDataURL(await unpacked(packed));
  await new Promise((resolve) => { reader.onload = resolve; });
  return reader.result.slice(reader.result.indexOf(",") + 1);
}

async function start(program) {
  const script = document.createElement("script");
  script.src = URL.createObjectURL(await unpacked(program));
  document.body.append(script);
}

// Allure's: keeps a file of the report until it is asked for.
async function d(name, packed) {
  Object.defineProperty(window.allureReportData, name, { get: () => unpackedBase64(packed) });
}
