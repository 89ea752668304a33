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
            return try parsed(bytes, file)
        } catch {
            throw CommandFailure(.configuration, error.description)
        }
    }

    /// The settings of a file as it is now, with every problem in the error.
    static func reread(_ file: String) throws(ConfigurationError) -> Configuration {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            let problem = ConfigurationError.Problem(line: nil, key: "", message: "there is no such file to be read")
            throw ConfigurationError(file: file, problems: [problem])
        }
        return try parsed(bytes, file)
    }

    private static func parsed(_ bytes: Data, _ file: String) throws(ConfigurationError) -> Configuration {
        try Configuration.read(
            try Configuration.text(of: bytes, file: file),
            file: file,
            environment: ProcessInfo.processInfo.environment
        )
    }
}
