/* Numbers as people read them. */

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const count = (number) => whole.format(number);

export const rate = (number) => (number < 10 ? short : whole).format(number);

export function bytes(number) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let unit = 0;
    while (number >= 1024 && unit < units.length - 1) {
        number /= 1024;
        unit++;
    }
    return `${short.format(number)} ${units[unit]}`;
}

export function duration(ms) {
    if (ms < 1000) {
        return `${short.format(ms)} ms`;
    }
    if (ms < 60_000) {
        return `${short.format(ms / 1000)} s`;
    }
    const minutes = Math.floor(ms / 60_000);
    return minutes < 60
        ? `${minutes} min`
        : minutes < 2880
          ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
          : `${count(Math.floor(minutes / 1440))} days`;
}
