import Delivery
import Journal
import Service

/// The rooms' errors as a command ends with them.
///
/// What an operator mends (an address in use, a setting that the data folder contradicts) is a matter of configuration;
/// the rest is ours.
enum ServiceFailure {
    static func translated<Value>(callsServers: Bool = false, _ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let error as ServiceError where error.code == .inUse && callsServers {
            throw CommandFailure(.configuration, "\(error.message) A running server is asked with --url ADDRESS.")
        } catch let error as ServiceError {
            throw CommandFailure(.configuration, error.message)
        } catch let error as TokenError {
            throw CommandFailure(.rejected, error.message)
        } catch let error as JournalError {
            throw CommandFailure(error.code == .settingsDiffer ? .configuration : .internal, error.message)
        } catch let error as DeliveryError {
            let isSetting = [.settings, .plansOpen, .otherJournal].contains(error.code)
            throw CommandFailure(isSetting ? .configuration : .internal, error.message)
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw CommandFailure(.internal, "\(error)")
        }
    }
}
