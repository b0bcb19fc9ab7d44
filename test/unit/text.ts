import fc from 'fast-check'

/** Any text, also such as is no Unicode. */
export const anyText = fc.array(fc.oneof(fc.nat(0xff), fc.nat(0xffff)), { maxLength: 60 }).map(units => String.fromCharCode(...units))
/** Text as Node gives a header's octets. */
export const anyHeader = fc.array(fc.nat(0xff), { maxLength: 60 }).map(octets => String.fromCharCode(...octets))
