/** The mark: growth rings a little off-centre, as in a real stem, with the cambium as the one living ring. */
export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <g fill="none" strokeLinecap="round">
        <path
          d="M16 1.800c8 0 14.300 6 14.100 13.900C29.900 24 24 30.100 15.800 30.100 7.800 30 2 23.600 2 15.900 2.100 8 8.200 1.800 16 1.800Z"
          stroke="var(--ink)"
          strokeWidth="1.500"
        />
        <path
          d="M16.100 5.700c6 0 10.300 4.500 10.200 10.200-.1 5.900-4.700 10.400-10.500 10.400-5.800-.1-10-4.700-9.900-10.400.1-5.800 4.500-10.200 10.200-10.200Z"
          stroke="var(--green-live)"
          strokeWidth="3.200"
        />
        <path
          d="M16.300 10.500c3.300.1 5.600 2.500 5.500 5.600-.1 3.200-2.600 5.600-5.800 5.600-3.300-.1-5.600-2.600-5.500-5.800.1-3 2.600-5.400 5.800-5.400Z"
          stroke="var(--ink)"
          strokeWidth="1.200"
        />
        <path d="M16.300 14.900a1.300 1.300 0 1 1-.1 2.600 1.300 1.300 0 0 1 .1-2.600Z" fill="var(--ink)" />
      </g>
    </svg>
  );
}
