import Foundation
import Service

/// Where a command's configuration comes from: a file, else the defaults; then what the command line says.
enum ConfigurationFile {
    /// The settings of a file, or the defaults where none is named; `data` takes the place of the file's data folder.
    static func read(_ file: String?, data: String? = nil) throws -> Configuration {
        var configuration = Configuration.standard()
        if let file { configuration = try parsed(file) }
        if let data { configuration = configuration.with(data: data) }
        return configuration
    }

    static func parsed(_ file: String) throws -> Configuration {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            throw CommandFailure(.configuration, "There is no configuration file `\(file)` that can be read.")
        }
        do {
            return try Configuration.read(
                String(decoding: bytes, as: UTF8.self),
                file: file,
                environment: ProcessInfo.processInfo.environment
            )
        } catch {
            throw CommandFailure(.configuration, error.description)
        }
    }
}
