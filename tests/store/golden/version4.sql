BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'toys');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE sweep_epochs (
	study VARCHAR(512) NOT NULL, 
	number BIGINT NOT NULL, 
	epoch BIGINT NOT NULL, 
	logged_train_accuracy DOUBLE, 
	logged_train_loss DOUBLE, 
	train_accuracy DOUBLE, 
	train_cross_entropy DOUBLE, 
	validation_accuracy DOUBLE, 
	validation_cross_entropy DOUBLE, 
	learning_rate DOUBLE, 
	seconds DOUBLE, 
	logged_penalty DOUBLE, 
	logged_weighting DOUBLE, 
	logged_validation_accuracy DOUBLE, 
	logged_validation_loss DOUBLE, 
	PRIMARY KEY (study, number, epoch), 
	FOREIGN KEY(study, number) REFERENCES sweep_trials (study, number) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "sweep_epochs" VALUES('toys',0,1,0.5,NULL,0.75,0.5,0.625,1.5,0.001,0.25,0.125,0.0,0.5,1.25);
INSERT INTO "sweep_epochs" VALUES('toys',0,2,0.5,NULL,0.75,0.5,0.625,0.75,0.001,0.25,0.125,0.0,0.5,1.25);
CREATE TABLE sweep_failures (
	study VARCHAR(512) NOT NULL, 
	number BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	epoch BIGINT, 
	PRIMARY KEY (study, number), 
	FOREIGN KEY(study, number) REFERENCES sweep_trials (study, number) ON DELETE CASCADE
);
INSERT INTO "sweep_failures" VALUES('toys',2,'nan','the loss is NaN',1);
CREATE TABLE sweep_findings (
	study VARCHAR(512) NOT NULL, 
	subject BIGINT NOT NULL, 
	repaired TEXT NOT NULL, 
	cause VARCHAR(32) NOT NULL, 
	effect_estimate DOUBLE, 
	effect_low DOUBLE, 
	effect_high DOUBLE, 
	effect_level DOUBLE, 
	unit VARCHAR(16) NOT NULL, 
	p DOUBLE, 
	exact BOOLEAN NOT NULL, 
	images BIGINT NOT NULL, 
	summary TEXT NOT NULL, 
	evidence TEXT NOT NULL, 
	remedies TEXT NOT NULL, 
	exhibits TEXT NOT NULL, 
	source TEXT NOT NULL, 
	missing TEXT NOT NULL, 
	measured DATETIME NOT NULL, 
	version TEXT, 
	rows TEXT, 
	PRIMARY KEY (study, subject, repaired, cause), 
	FOREIGN KEY(study) REFERENCES sweep_studies (name) ON DELETE CASCADE
);
INSERT INTO "sweep_findings" VALUES('toys',0,'','last-epoch',0.25,-0.5,1.0,0.95,'cross_entropy',0.5,0,0,'the last epoch costs 0.25 nats','{}','[]','[]','','','2026-11-23 11:20:51.993011','0.1.0',NULL);
INSERT INTO "sweep_findings" VALUES('toys',0,'batch-norm,leak','last-epoch',0.25,-0.5,1.0,0.95,'cross_entropy',0.5,0,0,'the last epoch costs 0.25 nats','{}','[]','[]','','','2026-11-23 11:20:51.993011','0.1.0',NULL);
INSERT INTO "sweep_findings" VALUES('toys',-1,'','leak',0.125,0.0625,0.25,0.99,'accuracy',0.0,1,1,'1 of 1 validation images is a copy of a training image','{"share": 1.0, "copies": 1, "exact": true, "nearest": "cat/0.png", "ratio": Infinity}','[{"sentence": "Drop the copies.", "changes": {"data.deduplicate": true}}]','[{"caption": "a copy and its original", "images": [1, 0]}]','Barz and Denzler, Do we train on test data?, 2020, https://arxiv.org/abs/1902.00423','','2026-11-23 11:20:51.995231','0.1.0','[1]');
INSERT INTO "sweep_findings" VALUES('toys',-1,'','bursts',NULL,NULL,NULL,NULL,'accuracy',NULL,0,0,'not measured: no groups','{}','[]','[]','','no groups','2026-11-23 11:20:51.995231','0.1.0',NULL);
CREATE TABLE sweep_holdout_results (
	holdout INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	rank BIGINT NOT NULL, 
	baseline BOOLEAN NOT NULL, 
	accuracy DOUBLE, 
	cross_entropy DOUBLE, 
	balanced_accuracy DOUBLE, 
	validation_accuracy DOUBLE, 
	predicted_low DOUBLE, 
	predicted_high DOUBLE, 
	images BIGINT NOT NULL, 
	predicted BLOB NOT NULL, 
	cross_entropies BLOB NOT NULL, 
	logits BLOB, 
	share_right BLOB NOT NULL, 
	PRIMARY KEY (holdout, number), 
	FOREIGN KEY(holdout) REFERENCES sweep_holdouts (id) ON DELETE CASCADE
);
INSERT INTO "sweep_holdout_results" VALUES(1,0,1,1,0.5,0.75,0.5,0.625,0.25,NULL,1,X'789C6364000000040002',X'789C63B00200003C003B',X'789C63B060D80200016000ED',X'789C63B00000003A0039');
CREATE TABLE sweep_holdouts (
	id INTEGER NOT NULL, 
	study VARCHAR(512) NOT NULL, 
	opened DATETIME NOT NULL, 
	seen_before BIGINT NOT NULL, 
	content_hashes BLOB NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "sweep_holdouts" VALUES(1,'toys','2026-05-02 12:30:00.000000',0,X'2222222222222222222222222222222222222222222222222222222222222222');
CREATE TABLE sweep_images (
	study VARCHAR(512) NOT NULL, 
	position BIGINT NOT NULL, 
	path TEXT NOT NULL, 
	label BIGINT NOT NULL, 
	split VARCHAR(16), 
	"group" TEXT NOT NULL, 
	content_hash VARCHAR(64) NOT NULL, 
	pinned VARCHAR(16), 
	PRIMARY KEY (study, position), 
	FOREIGN KEY(study) REFERENCES sweep_studies (name) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "sweep_images" VALUES('toys',0,'cat/0.png',0,'train','burst-0','0000000000000000000000000000000000000000000000000000000000000000',NULL);
INSERT INTO "sweep_images" VALUES('toys',1,'cat/1.png',0,'validation','burst-1','1111111111111111111111111111111111111111111111111111111111111111',NULL);
INSERT INTO "sweep_images" VALUES('toys',2,'cat/2.png',0,'test','burst-2','2222222222222222222222222222222222222222222222222222222222222222',NULL);
CREATE TABLE sweep_modes (
	study VARCHAR(512) NOT NULL, 
	number BIGINT NOT NULL, 
	dropout BOOLEAN NOT NULL, 
	augmentation BOOLEAN NOT NULL, 
	batch_statistics BOOLEAN NOT NULL, 
	accuracy DOUBLE, 
	cross_entropy DOUBLE, 
	accuracy_noise DOUBLE, 
	cross_entropy_noise DOUBLE, 
	accuracy_change_error DOUBLE, 
	cross_entropy_change_error DOUBLE, 
	draws BIGINT NOT NULL, 
	unchanged TEXT NOT NULL, 
	PRIMARY KEY (study, number, dropout, augmentation, batch_statistics), 
	FOREIGN KEY(study, number) REFERENCES sweep_trials (study, number) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "sweep_modes" VALUES('toys',0,0,0,1,0.75,0.625,0.0625,0.0,0.03125,NULL,4,'no augmentation');
INSERT INTO "sweep_modes" VALUES('toys',0,0,1,1,0.75,0.625,0.0625,0.0,0.03125,NULL,4,'no augmentation');
INSERT INTO "sweep_modes" VALUES('toys',0,1,1,1,0.5,0.625,0.0625,0.0,0.03125,NULL,4,'');
CREATE TABLE sweep_predictions (
	study VARCHAR(512) NOT NULL, 
	number BIGINT NOT NULL, 
	split VARCHAR(16) NOT NULL, 
	moment VARCHAR(16) NOT NULL, 
	images BIGINT NOT NULL, 
	predicted BLOB NOT NULL, 
	cross_entropy BLOB NOT NULL, 
	logits BLOB, 
	PRIMARY KEY (study, number, split, moment), 
	FOREIGN KEY(study, number) REFERENCES sweep_trials (study, number) ON DELETE CASCADE
);
INSERT INTO "sweep_predictions" VALUES('toys',0,'validation','selected',1,X'789C6364000000040002',X'789C63B00200003C003B',X'789C63B060D80200016000ED');
CREATE TABLE sweep_proofs (
	id INTEGER NOT NULL, 
	study VARCHAR(512) NOT NULL, 
	number BIGINT NOT NULL, 
	cause VARCHAR(32) NOT NULL, 
	changes TEXT NOT NULL, 
	left_out BIGINT NOT NULL, 
	repeats BIGINT NOT NULL, 
	new_split BOOLEAN NOT NULL, 
	gap_narrowed_estimate DOUBLE, 
	gap_narrowed_low DOUBLE, 
	gap_narrowed_high DOUBLE, 
	gap_narrowed_level DOUBLE, 
	accuracy_gained_estimate DOUBLE, 
	accuracy_gained_low DOUBLE, 
	accuracy_gained_high DOUBLE, 
	accuracy_gained_level DOUBLE, 
	cross_entropy_saved_estimate DOUBLE, 
	cross_entropy_saved_low DOUBLE, 
	cross_entropy_saved_high DOUBLE, 
	cross_entropy_saved_level DOUBLE, 
	p DOUBLE, 
	outcome VARCHAR(16) NOT NULL, 
	sentence TEXT NOT NULL, 
	measured DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study, number) REFERENCES sweep_trials (study, number) ON DELETE CASCADE
);
INSERT INTO "sweep_proofs" VALUES(1,'toys',0,'last-epoch','{"training.keep": "best"}',0,1,1,0.125,NULL,NULL,0.95,0.25,0.125,0.5,0.95,0.125,NULL,NULL,0.95,0.5,'not shown','one training shows nothing','2026-11-23 11:20:51.996489');
CREATE TABLE sweep_repeats (
	study VARCHAR(512) NOT NULL, 
	number BIGINT NOT NULL, 
	repeat BIGINT NOT NULL, 
	new_split BOOLEAN NOT NULL, 
	train_accuracy DOUBLE, 
	train_cross_entropy DOUBLE, 
	validation_accuracy DOUBLE, 
	validation_cross_entropy DOUBLE, 
	train_images BIGINT NOT NULL, 
	validation_images BIGINT NOT NULL, 
	selected_epoch BIGINT NOT NULL, 
	folds BIGINT NOT NULL, 
	seconds DOUBLE, 
	images BIGINT, 
	predicted BLOB, 
	cross_entropies BLOB, 
	logits BLOB, 
	PRIMARY KEY (study, number, repeat), 
	FOREIGN KEY(study, number) REFERENCES sweep_trials (study, number) ON DELETE CASCADE
);
INSERT INTO "sweep_repeats" VALUES('toys',0,1,1,0.75,0.5,0.5,0.875,1,1,2,0,4.5,1,X'789C6364000000040002',X'789C63B00200003C003B',X'789C63B060D80200016000ED');
CREATE TABLE sweep_schema (
	version BIGINT NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "sweep_schema" VALUES(4);
CREATE TABLE sweep_stages (
	id INTEGER NOT NULL, 
	study VARCHAR(512) NOT NULL, 
	name TEXT NOT NULL, 
	seconds DOUBLE, 
	units BIGINT NOT NULL, 
	unit TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(study) REFERENCES sweep_studies (name) ON DELETE CASCADE
);
INSERT INTO "sweep_stages" VALUES(1,'toys','trials',12.5,3,'trials');
CREATE TABLE sweep_studies (
	name VARCHAR(512) NOT NULL, 
	definition TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	data TEXT NOT NULL, 
	versions TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	default_baseline BOOLEAN NOT NULL, 
	base TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO "sweep_studies" VALUES('toys','{"search": {"trials": 3}}','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','{"class_names": ["cat", "dog"], "counts": {"test": [1, 0], "train": [1, 0], "validation": [1, 0]}, "fingerprint": "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "fold_repeats": 0, "groups": 3, "notes": ["no dog could be read"], "source": "photos", "unreadable": [{"path": "dog/broken.jpg", "reason": "cut off"}]}','{"keras": "3.15.1"}','2026-05-01 12:30:00.000000',1,'/photos');
CREATE TABLE sweep_trials (
	study VARCHAR(512) NOT NULL, 
	number BIGINT NOT NULL, 
	baseline BOOLEAN NOT NULL, 
	duplicate_of BIGINT, 
	configuration TEXT NOT NULL, 
	selected_epoch BIGINT, 
	epochs_run BIGINT, 
	stopped VARCHAR(32), 
	train_accuracy DOUBLE, 
	train_cross_entropy DOUBLE, 
	validation_accuracy DOUBLE, 
	validation_cross_entropy DOUBLE, 
	validation_cross_entropy_error DOUBLE, 
	logged_train_accuracy DOUBLE, 
	logged_train_loss DOUBLE, 
	penalty DOUBLE, 
	train_images BIGINT, 
	validation_images BIGINT, 
	trainable_parameters BIGINT, 
	total_parameters BIGINT, 
	engine VARCHAR(32), 
	cut TEXT, 
	seconds DOUBLE, 
	compile_seconds DOUBLE, 
	train_balanced_accuracy DOUBLE, 
	validation_balanced_accuracy DOUBLE, 
	logged_penalty DOUBLE, 
	logged_weighting DOUBLE, 
	logged_validation_accuracy DOUBLE, 
	logged_validation_loss DOUBLE, 
	folds BIGINT, 
	modes_reason TEXT, 
	PRIMARY KEY (study, number), 
	FOREIGN KEY(study) REFERENCES sweep_studies (name) ON DELETE CASCADE
);
INSERT INTO "sweep_trials" VALUES('toys',0,1,NULL,'{"backbone": "efficientnet-lite0", "dropout": 0.25, "epochs": 2, "head_width": "512-256"}',2,2,'finished',0.75,0.5,0.625,0.75,0.125,0.5,NULL,0.0,1,1,5130,3418000,'fused','top_activation',4.5,1.5,0.75,0.5,0.125,0.0,0.5,1.25,0,'');
INSERT INTO "sweep_trials" VALUES('toys',1,0,0,'{"backbone": "efficientnet-lite0", "dropout": 0.25, "epochs": 2, "head_width": "512-256"}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "sweep_trials" VALUES('toys',2,0,NULL,'{"backbone": "efficientnet-lite0", "dropout": 0.25, "epochs": 2, "head_width": "512-256"}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'dropout',0.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(2,1,'head_width',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "512-256"]}}');
INSERT INTO "trial_params" VALUES(3,2,'dropout',0.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(4,2,'head_width',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "512-256"]}}');
INSERT INTO "trial_params" VALUES(5,3,'dropout',0.25,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(6,3,'head_width',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "512-256"]}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"dropout": 0.25, "head_width": "512-256"}');
INSERT INTO "trial_system_attributes" VALUES(2,2,'fixed_params','{"dropout": 0.25, "head_width": "512-256"}');
INSERT INTO "trial_system_attributes" VALUES(3,3,'fixed_params','{"dropout": 0.25, "head_width": "512-256"}');
INSERT INTO "trial_system_attributes" VALUES(4,4,'fixed_params','{"dropout": 0.25, "head_width": "512-256"}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,-0.75,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,-0.75,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-23 11:20:51.951763','2026-11-23 11:20:51.967038');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-23 11:20:51.972097','2026-11-23 11:20:51.977460');
INSERT INTO "trials" VALUES(3,2,1,'FAIL','2026-11-23 11:20:51.981814','2026-11-23 11:20:51.987396');
INSERT INTO "trials" VALUES(4,3,1,'WAITING',NULL,NULL);
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
