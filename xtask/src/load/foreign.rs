//! The first bytes that scanners, proxies and confused clients send.

/// Returns the first bytes of other protocols, each with the protocol's name.
pub(crate) fn foreign() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("TLS", client_hello()),
        ("HTTP/1.1", b"GET /?q=%00 HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n\0\0\0\x0c\x0a\x14abcdefghij".to_vec()),
        ("SMTP", b"EHLO example.org\r\nDATA\r\n.\r\nQUIT\r\n".to_vec()),
        ("telnet", b"\xff\xfb\x18\xff\xfd\x03\xff\xf4\xff\xfd\x06".to_vec()),
        ("PROXY", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0".to_vec()),
        ("DNS", b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01".to_vec()),
        ("SMB", b"\0\0\0\x2f\xffSMBr\0\0\0\0\x18\x01\x28\0\0\0\0\0\0\0\0".to_vec()),
        ("terminal escapes", b"\x1b]0;title\x07\x1b[2J\x1b[31m\x9b\x9d\n\r\n".to_vec()),
        ("invalid UTF-8", b"\xc0\xaf\xed\xa0\x80\xf8\x88\n\xfe\xff".to_vec()),
        ("every byte", (0..=255).collect()),
        ("NULs", vec![0; 10_000]),
        ("newlines", vec![b'\n'; 10_000]),
    ]
}

/// Returns a TLS 1.2 `ClientHello` in its record; RFC 5246, sections 6.2.1 and 7.4.1.2.
fn client_hello() -> Vec<u8> {
    let mut hello = b"\x03\x03".to_vec();
    hello.extend(0..32);
    // No session; two cipher suites; no compression; the server's name.
    hello.extend(b"\0\0\x04\x13\x01\xc0\x2f\x01\0\0\x14\0\0\0\x10\0\x0e\0\0\x0bexample.org");
    let mut record = b"\x16\x03\x01\0".to_vec();
    record.push(u8::try_from(hello.len() + 4).unwrap());
    record.extend(b"\x01\0\0");
    record.push(u8::try_from(hello.len()).unwrap());
    [record, hello].concat()
}
