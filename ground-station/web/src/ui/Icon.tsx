// A handful of drawn signs; fonts differ between machines, paths do not.
const PATHS = {
  hold: "M6 4h4v16H6zM14 4h4v16h-4z",
  play: "M6 4l14 8-14 8z",
  back: "M10 5L3 12l7 7v-5c5 0 8 1 11 5 0-7-4-10-11-10z",
  down: "M10 3h4v9h5l-7 8-7-8h5zM4 21h16v2H4z",
  up: "M10 21h4v-9h5l-7-8-7 8h5z",
  sound: "M3 9v6h4l6 5V4L7 9zM16 8c2 2 2 6 0 8l1 1c3-3 3-7 0-10zM19 5c4 4 4 10 0 14l1 1c5-5 5-11 0-16z",
  quiet: "M3 9v6h4l6 5V4L7 9zM16 9l2-0 2 2 2-2 1 1-2 2 2 2-1 1-2-2-2 2-1-1 2-2-2-2z",
  fit: "M3 3h7v3H6v4H3zM21 3h-7v3h4v4h3zM3 21h7v-3H6v-4H3zM21 21h-7v-3h4v-4h3z",
  follow: "M12 2l2 4h-4zM12 22l-2-4h4zM2 12l4-2v4zM22 12l-4 2v-4zM12 8a4 4 0 1 0 .01 0z",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d={PATHS[name]} fill="currentColor" /></svg>;
}
