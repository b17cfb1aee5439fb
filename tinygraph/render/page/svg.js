// The calls of a canvas that the painter makes, written down as SVG: for print and to keep.

class SvgContext {
  constructor() {
    Object.assign(this, { parts: [], path: [], globalAlpha: 1, lineWidth: 1, dash: [] });
  }

  setLineDash(dash) {
    this.dash = dash;
  }

  beginPath() {
    this.path = [];
  }

  moveTo(x, y) {
    this.path.push(`M${digits(x)} ${digits(y)}`);
  }

  lineTo(x, y) {
    this.path.push(`L${digits(x)} ${digits(y)}`);
  }

  bezierCurveTo(...numbers) {
    this.path.push(`C${numbers.map(digits).join(" ")}`);
  }

  closePath() {
    this.path.push("Z");
  }

  rect(x, y, width, height) {
    this.path.push(
      `M${digits(x)} ${digits(y)}h${digits(width)}v${digits(height)}h${digits(-width)}Z`,
    );
  }

  roundRect(x, y, width, height, radius) {
    if (!radius) return this.rect(x, y, width, height);
    const r = Math.min(radius, width / 2, height / 2);
    const [w, h] = [digits(width - 2 * r), digits(height - 2 * r)];
    const arc = (dx, dy) => `a${digits(r)} ${digits(r)} 0 0 1 ${digits(dx)} ${digits(dy)}`;
    this.path.push(
      `M${digits(x + r)} ${digits(y)}h${w}${arc(r, r)}v${h}${arc(-r, r)}h${-w}${arc(-r, -r)}v${-h}${arc(r, -r)}Z`,
    );
  }

  fill() {
    this.shape(`fill="${this.fillStyle}"`);
  }

  stroke() {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(" ")}"` : "";
    this.shape(
      `fill="none" stroke="${this.strokeStyle}" stroke-width="${digits(this.lineWidth)}"${dash}`,
    );
  }

  shape(looks) {
    if (this.path.length)
      this.parts.push(`<path d="${this.path.join("")}" ${looks}${this.opacity()}/>`);
  }

  fillText(text, x, y) {
    const at = `x="${digits(x)}" y="${digits(y)}" dominant-baseline="central" xml:space="preserve"`;
    const font = this.font.replaceAll('"', "'");
    this.parts.push(
      `<text ${at} style="font:${font}" fill="${this.fillStyle}"${this.opacity()}>${escaped(text)}</text>`,
    );
  }

  opacity() {
    return this.globalAlpha < 1 ? ` opacity="${this.globalAlpha}"` : "";
  }
}

const digits = (x) => Math.round(x * 10) / 10;
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => ENTITIES[c]);

function svgOf(scene) {
  const { width, height } = scene.drawing;
  const margin = 12;
  const ctx = new SvgContext();
  paint(ctx, scene, {
    left: -Infinity,
    top: -Infinity,
    right: Infinity,
    bottom: Infinity,
    scale: 1,
  });
  const box = [-margin, -margin, width + 2 * margin, height + 2 * margin].map(digits);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box.join(" ")}" width="${box[2]}" height="${box[3]}">` +
    `<title>${escaped(scene.graph.title)}</title>` +
    `<rect class="ground" x="${box[0]}" y="${box[1]}" width="${box[2]}" height="${box[3]}" fill="${scene.colours.ground}"/>` +
    `${ctx.parts.join("\n")}</svg>`
  );
}
