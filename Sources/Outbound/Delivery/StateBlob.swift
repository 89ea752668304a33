internal import GRDB

internal import struct Foundation.Data

/// Bytes as SQLite keeps them.
///
/// GRDB takes them as Foundation's `Data` only; this file is the one place of the room that knows.
struct Blob: DatabaseValueConvertible {
    let bytes: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    var databaseValue: DatabaseValue { Data(bytes).databaseValue }

    static func fromDatabaseValue(_ value: DatabaseValue) -> Blob? {
        Data.fromDatabaseValue(value).map { Blob(bytes: Array($0)) }
    }
}
